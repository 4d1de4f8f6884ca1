//! Ghostscript, reading a long document without drawing it.

use std::path::Path;

use workloads::rows::Size;

use crate::foreign::catalogue::ask;
use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool, write_input};
use crate::plan::Params;

/// Writes PAGES pages with sixty lines of text and forty curves each.
const DOCUMENT: &str = "\
%!PS
/Helvetica findfont 9 scalefont setfont
1 1 PAGES {
  /page exch def
  0 1 59 {
    /line exch def
    50 760 line 12 mul sub moveto
    (Line ) show line 8 string cvs show ( of page ) show page 8 string cvs show
    (: the quick brown fox jumps over the lazy dog, ) show page line mul 16 string cvs show (.) show
  } for
  0 1 39 {
    /curve exch def
    60 curve 12 mul add 40 moveto
    80 curve add 200 page 40 mod 5 mul add 300 curve 7 mul sub 100 500 700 curve 9 mul sub curveto stroke
  } for
  showpage
} for
";

/// Ghostscript.
#[derive(Debug)]
pub(super) struct Ghostscript;

impl Program for Ghostscript {
    fn id(&self) -> &'static str {
        "gs"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["ghostscript"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let program = tool("gs", "ghostscript")?.path;
        let pages: u64 = match params.size {
            Size::Check => 10,
            Size::Quick => 80,
            Size::Calibrated => 300,
            Size::Full => 1000,
        };
        let (source, document) = (folder.join("document.ps"), folder.join("document.pdf"));
        write_input(&source, DOCUMENT.replace("PAGES", &pages.to_string()))?;
        let writer = CommandLine::new(&program)
            .args(["-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-o"])
            .args([&document, &source]);
        ask(&writer)?;
        let command = CommandLine::new(program).args(["-dBATCH", "-dNODISPLAY"]).args([document]);
        Ok(Plain::new(self.id(), 1, command, move |finished| {
            let last = format!("Page {pages}");
            if finished.stdout.lines().last() != Some(&*last) {
                return Err(format!("it does not end with '{last}'"));
            }
            Ok(Checked::elapsed(finished, pages).with_digest_of(finished.stdout.as_bytes()))
        }))
    }
}
