"""Bytes into rows. Pure: no network, no files, no clock."""
