# pyright: basic
"""The demonstration's report as a PDF 1.7, with a Chinese font that every PDF reader brings along."""

import io

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

_FONT = "STSong-Light"
_LEFT, _TOP, _LINE = 70, 770, 24


def report_pdf(*, hospital: str, patient: str, item: str, findings: str, impression: str) -> bytes:
    """One page with the report's texts."""
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pdfVersion=(1, 7))
    canvas.setTitle(f"{hospital} {item}")
    canvas.setFont(_FONT, 18)
    canvas.drawCentredString(A4[0] / 2, _TOP, f"{hospital} 影像检查报告单")
    canvas.setFont(_FONT, 12)
    lines = (f"姓名：{patient}", f"检查项目：{item}", "影像所见：", findings, "诊断结论：", impression)
    for number, line in enumerate(lines, 2):
        canvas.drawString(_LEFT, _TOP - number * _LINE, line)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
