//! The kit as a one-page PDF: base fonts, no compression, so that any program and any eye can find the text in it.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{CAN, CANNOT, HOW, Kit, QrCode};

/// A4, points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
/// Side of the QR code, points (35 mm).
const QR_SIDE: f32 = 100.0;

const PLAIN: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");
const MONO: Name<'_> = Name(b"F3");
const FONTS: [(Name<'_>, &[u8]); 3] = [(PLAIN, b"Helvetica"), (BOLD, b"Helvetica-Bold"), (MONO, b"Courier")];

pub(super) fn draw(kit: &Kit, qr: &QrCode) -> Zeroizing<Vec<u8>> {
    let mut pdf = Pdf::new();
    let (catalog, pages, page, contents) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let mut a4 = pdf.page(page);
    a4.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(pages).contents(contents);
    let mut resources = a4.resources();
    let mut fonts = resources.fonts();
    for (number, (name, _)) in (5..).zip(FONTS) {
        fonts.pair(name, Ref::new(number));
    }
    fonts.finish();
    resources.finish();
    a4.finish();
    for (number, (_, base)) in (5..).zip(FONTS) {
        pdf.type1_font(Ref::new(number)).base_font(Name(base)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let drawn = Zeroizing::new(content(kit, qr));
    pdf.stream(contents, &drawn);
    Zeroizing::new(pdf.finish())
}

fn content(kit: &Kit, qr: &QrCode) -> Vec<u8> {
    let mut pen = Pen { content: Content::new(), y: HEIGHT - MARGIN };
    pen.line(BOLD, 20.0, "Sealkeep recovery kit");
    pen.gap(10.0);
    for (name, value) in kit.facts() {
        pen.row(name, PLAIN, &value);
    }
    pen.row("Account secret", MONO, kit.account_secret.expose_secret());

    pen.heading("The 24 words");
    let words = kit.numbered();
    let column = (WIDTH - 2.0 * MARGIN) / 4.0;
    for row in words.chunks(4) {
        pen.y -= 18.0;
        for (number, (position, word)) in (0_u8..).zip(row) {
            let x = MARGIN + f32::from(number) * column;
            pen.text(PLAIN, 9.0, x, &format!("{position:>2}"));
            pen.text(MONO, 12.0, x + 16.0, word);
        }
    }

    for (title, sentences) in [
        ("What it can do", CAN.as_slice()),
        ("What it cannot do", CANNOT.as_slice()),
        ("How to use it", HOW.as_slice()),
    ] {
        pen.heading(title);
        for sentence in sentences {
            pen.line(PLAIN, 9.5, sentence);
        }
    }

    pen.heading("The same key, for age and for a camera");
    pen.line(MONO, 8.5, kit.identity.expose_secret());
    pen.gap(12.0);
    pen.qr(qr);
    pen.content.finish().into_vec()
}

/// Writes from top to bottom.
struct Pen {
    content: Content,
    y: f32,
}

impl Pen {
    fn text(&mut self, font: Name<'_>, size: f32, x: f32, text: &str) {
        self.content.begin_text();
        self.content.set_font(font, size).next_line(x, self.y).show(Str(&win_ansi(text)));
        self.content.end_text();
    }

    fn line(&mut self, font: Name<'_>, size: f32, text: &str) {
        self.y -= size * 1.4;
        self.text(font, size, MARGIN, text);
    }

    fn row(&mut self, name: &str, font: Name<'_>, value: &str) {
        self.y -= 15.0;
        self.text(BOLD, 10.0, MARGIN, name);
        self.text(font, 10.0, MARGIN + 90.0, value);
    }

    fn heading(&mut self, text: &str) {
        self.gap(12.0);
        self.line(BOLD, 12.0, text);
        self.gap(3.0);
    }

    const fn gap(&mut self, points: f32) {
        self.y -= points;
    }

    fn qr(&mut self, qr: &QrCode) {
        // At most 177 squares: exact in an f32.
        let unit = QR_SIDE / qr.size() as f32;
        for (column, row, length) in qr.runs() {
            let y = self.y - (row + 1) as f32 * unit;
            self.content.rect(MARGIN + column as f32 * unit, y, length as f32 * unit, unit);
        }
        self.content.fill_nonzero();
        self.y -= QR_SIDE;
    }
}

/// Windows-1252, limited to Latin-1 and dashes; other characters become question marks.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            '…' => 0x85,
            '–' => 0x96,
            ' '..='~' | '\u{a0}'..='ÿ' => c as u8,
            _ => b'?',
        })
        .collect()
}
