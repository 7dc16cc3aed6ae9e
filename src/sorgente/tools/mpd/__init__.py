"""MPDs of any origin, read as a player reads them (ISO/IEC 23009-1). Pure: bytes in, times out."""
