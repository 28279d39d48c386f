"""The text of a PDF file, page by page, and what else it holds.

Two libraries share the work: PDFium draws pages as Chrome does and says where each character stands and whether its
font gives it a meaning; pypdf reads the file's objects: fields, annotations, layers, labels and attachments.
"""

from longspan.spans.formats.pdf.reading import pdf

__all__ = ["pdf"]
