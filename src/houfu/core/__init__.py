"""What every room of the house may use and that uses none of them: money, time, calendar, ids, reasons."""
