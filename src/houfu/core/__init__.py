"""Pure foundations: no import of any other part of Houfu."""
