"""ISO base media files as they are sent live: bytes of an upload in, init segments and chunks out.

Pure: no sockets, no clock. Start at ``upload.UploadParser``.
"""
