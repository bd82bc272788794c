"""Files that are written piece by piece, so that no more of one than a piece is ever in memory."""
