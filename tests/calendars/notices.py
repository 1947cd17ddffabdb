"""Notices for tests. The days of 2027 are made up: no official ones were published when this was written."""

NOTICE_2027 = """\
# name: cn
# version: invented-2027
# years: 2027
# source: made up for a test
date,kind,name
2027-01-01,holiday,元旦
2027-01-02,holiday,元旦
2027-01-03,holiday,元旦
2027-01-04,holiday,元旦
2027-01-09,make_up,元旦
2027-02-05,holiday,春节
2027-02-08,holiday,春节
2027-10-01,holiday,国庆节
"""

EARLIER_2027 = NOTICE_2027.replace("invented-2027", "invented-2027-again").replace(
    "2027-01-02,holiday,元旦\n2027-01-03,holiday,元旦\n2027-01-04,holiday,元旦\n", "2027-01-02,make_up,元旦\n"
)
"""A correction: New Year's Day alone rests, and the Saturday after it works."""

NOTICE_2028 = NOTICE_2027.replace("2027", "2028").replace("2028-01-09,make_up,元旦\n", "")
