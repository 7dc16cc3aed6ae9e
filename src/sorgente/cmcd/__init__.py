"""What players say of themselves: Common Media Client Data (CTA-5004; version 2: CTA-5004-B)."""
