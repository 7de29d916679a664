"""Neijiang: medical imaging data exchange standard V0.94 (内江市医学影像数据交互标准, 2024-11-22): mutual
recognition by preloading (501) and its marks, which 502 prints in a second shape. ``pack.load_pack`` gives the pack."""
