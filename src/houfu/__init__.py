"""Houfu (后付): pay-later for buyers, credit limits for merchants, exact to the fen."""
