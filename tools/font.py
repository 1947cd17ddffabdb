"""Makes the font that PDF files embed: a TrueType part of Noto Sans CJK SC.

python tools/font.py [NotoSansCJK-Regular.ttc]

PDF writers embed TrueType outlines alone, and Noto's are cubic: they are converted. Kept are the characters of ASCII, Latin-1,
CJK punctuation, full-width forms and GB 2312, and the characters of names that GB 2312 lacks. Others show as the font's box.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

SOURCE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
SIMPLIFIED_CHINESE = 2
TARGET = Path(__file__).parents[1] / "src/houfu/statements/fonts"
NAME = "Houfu Sans SC"
ERROR_MAX = 1.0
"""How far a converted curve may lie from the original, in thousandths of the type size."""

NAMES = (
    "镕喆堃玥珺昇甯钘垚琍赟祎瑀翀婳晞洺玹琀琦璟璠瓒晟昶曌曦煊烜煜燊焜炘炜燚犇羴骉骎骁鑫垚淼焱皛皓皞晔昉昕旻旸暐暄曈"
    "珅珣珩珮珽琎琤琬琰琮瑄瑒瑔瑗瑜瑢瑧瑨璇璐璞璘璨堉堙垲埕坤塬峄峣峤嵘嵚巘弢彧忞悫慜懋抃旂昀杺枘柷栩桄梓棽榕樾檀"
    "沄沚沣沨泓泠泱洧洹浛浠浤浥涓涞涵淏淑淙淞渌渟渼湉湜溎溦滢滪潆潇澍澔濛灏炅炆烨焯熠熙燏爔畯畹砚砺祁祐祚祯禔禛禤"
    "秾笙筠筱箬箐纮绂绫绮绱缊缦翊翙翥翯聿肜脩膑舸芃芊芮芷苒苓茗茜荃荇荻莀莙莹菀菁菡萱葳蓁蓥蔓蔚蕙蕤薇薷蘅虓蛟裎裕詠"
    "诩谌谞谧谡豳赓赪趵跂跱轶逖逯遐遒邈邗邝邡郄郇郗郜郯鄄鄞鄢酆醴釉钊钧钰钲钶铄铖铠锃锟锳锴镔镛閟闫阎阏陞隽雍雎雱"
    "霈霏霖霭靓靖韫韬韵頔颀颋颍颢飏飒飔馥馨骅骐骕骞骢鬯魁鲲鸢鸣鹂麒麓麾黛黻鼐龑龘叆叇囧囍堇奭妘妤姝姞姮姵娅娉娓娴婍婕婠婷"
    "媖媛嫄嫒嫕嫣嬅嬿孖孜宓寔寗寰尧屾岚岱岿崚嵩巽帼幂庥廙弘彣彤徕徽忻怡恺悦惇愔愷慈慧戬扬揆攸敔敦斌斐旃旎昊昱晗晅晓晖晙暎暾"
)


def characters() -> set[int]:
    """The code points that are kept."""
    kept = {*range(0x20, 0x7F), *range(0xA0, 0x100), *range(0x3000, 0x3040), *range(0xFF00, 0xFFF0)}
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            kept.update(map(ord, bytes((high, low)).decode("gb2312", errors="ignore")))
    kept.update(map(ord, NAMES), map(ord, "€￥¥…—‘’“”·•、。《》"))
    return kept


def converted(source: Path) -> TTFont:
    """The part of the font that is kept, with TrueType outlines."""
    font = TTFont(source, fontNumber=SIMPLIFIED_CHINESE)
    options = subset.Options(
        layout_features=[],
        name_IDs=[],
        notdef_outline=True,
        hinting=False,
        drop_tables=["vhea", "vmtx", "VORG", "BASE"],
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters())
    cutter.subset(font)
    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, ERROR_MAX, reverse_direction=True))
        outlines[name] = pen.glyph()
    for table in ("CFF ", "GPOS", "GSUB", "GDEF"):
        if table in font:
            del font[table]
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    for name in order:
        outlines[name].recalcBounds(font["glyf"])
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(outlines[name], "xMin", 0))
    font["maxp"].tableVersion = 0x00010000
    for field, value in {
        "maxZones": 1, "maxTwilightPoints": 0, "maxStorage": 0, "maxFunctionDefs": 0, "maxInstructionDefs": 0,
        "maxStackElements": 0, "maxSizeOfInstructions": 0, "maxComponentElements": 0,
    }.items():  # fmt: skip
        setattr(font["maxp"], field, value)
    font["post"].formatType = 3.0
    font["head"].glyphDataFormat = 0
    font.sfntVersion = "\x00\x01\x00\x00"
    return font


def main() -> None:
    """Write the font and its licence."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    with TTFont(source, fontNumber=SIMPLIFIED_CHINESE) as whole:
        copyright = whole["name"].getDebugName(0) or ""
        licence = whole["name"].getDebugName(13) or ""
    font = converted(source)
    names = font["name"]
    names.names = []
    for id, text in {
        0: copyright, 1: NAME, 2: "Regular", 3: "HoufuSansSC-Regular", 4: NAME, 5: "Version 1.0",
        6: "HoufuSansSC-Regular", 13: licence, 14: "https://openfontlicense.org",
    }.items():  # fmt: skip
        names.setName(text, id, 3, 1, 0x409)
    TARGET.mkdir(exist_ok=True)
    font.save(TARGET / "HoufuSansSC-Regular.ttf")
    sys.stdout.write(f"{len(font.getGlyphOrder())} glyphs\n")


if __name__ == "__main__":
    main()
