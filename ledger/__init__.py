"""复式账：账套、科目、记账凭证、封存。Knows money and days, knows nothing of housing; usable alone.

Event: a journal entry is posted. Imports: config (naming of tables) only.
"""
