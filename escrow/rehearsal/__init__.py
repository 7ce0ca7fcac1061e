"""Rehearsal (演练与演示): a county played through the doors, for the demo and for measuring.

Outside of the rooms: everything it does goes through the HTTP doors and the pages, as any other system
and officer would. Of the rooms it imports `escrow.access` alone, to hire people and admit clients, and
nothing imports it but the commands.
"""
