"""The channel as MPEG-DASH: a snapshot of it in, the bytes of an MPD out.

``manifest`` puts the MPD together from ``period``, ``adaptation``, ``template`` and ``service``;
``recording`` is what becomes of a presentation that is over; ``listing`` is for ffmpeg. Rules are
quoted from ISO/IEC 23009-1 ("DASH"), the DASH-IF timing model ("TIM") and its low-latency
guidelines ("LL"); what a player does was read in dash.js 5.2 and Shaka Player 5.2.
"""
