//! The directory of a Polycom phone: the contacts in it that are ours, among those that the phone's owner has made.

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};

use super::document::{Flaw, Piece, is_blank, walk};
use crate::files::Damage;

/// Puts `ours`, which is any number of `<item server='yes'>`, in the place of those that are in the directory. All else
/// stays as it is, byte for byte.
pub(super) fn merge(directory: &[u8], ours: &str) -> Result<String, Damage> {
    let text = std::str::from_utf8(directory).map_err(|_| Damage("it is not in UTF-8".into()))?;
    if let Some(merged) = merge_unchanged(text, ours) {
        return Ok(merged);
    }
    let found = Found::look(text).map_err(|flaw| damage(&flaw, text))?;
    let list = found.list.ok_or_else(|| Damage("there is no item_list in it".into()))?;
    Ok(assemble(text, list, &found.ours, ours))
}

/// The same for a directory that has `ours` already, where they belong, which is what most have. Only the rest has to be
/// read: `ours` are whole elements, so whatever is behind them means the same without them.
fn merge_unchanged(text: &str, ours: &str) -> Option<String> {
    // This can be the wrong place; then what is found is not the list that begins there.
    let (before, _) = text.split_once("<item_list")?;
    let (tag, _) = text.get(before.len()..)?.split_once('>')?;
    let (before, behind) = text.split_at_checked(before.len() + tag.len() + ">".len())?;
    let rest = [before, behind.strip_prefix(ours)?].concat();
    let found = Found::look(&rest).ok()?;
    let list = found.list.filter(|list| matches!(list, List::Open(end) if *end == before.len()))?;
    Some(assemble(&rest, list, &found.ours, ours))
}

/// The words of a flaw can hold what the owner wrote; its line does not.
fn damage(flaw: &Flaw, text: &str) -> Damage {
    let line = flaw.line(text);
    Damage(match &*flaw.reason {
        OTHER_ROOT => "it is no directory".into(),
        OTHER_ENCODING => "it says that it is not in UTF-8".into(),
        _ => format!("it is not well-formed XML; look at line {line}"),
    })
}

const OTHER_ROOT: &str = "the root is no directory";
const OTHER_ENCODING: &str = "declared in another encoding than UTF-8";

/// What there is in a directory.
#[derive(Default)]
struct Found {
    list: Option<List>,
    /// Our items with the blanks before them, in their order.
    ours: Vec<Range<usize>>,
    /// Whether the walk is inside of an item list.
    in_list: bool,
    /// Where the item of ours begins that the walk is inside of.
    open: Option<usize>,
}

/// Where the first item list begins to hold items.
#[derive(Clone, Copy)]
enum List {
    /// Behind its start tag, which ends here.
    Open(usize),
    /// Nowhere yet: its only tag, which ends here, is an empty element's.
    Empty(usize),
}

impl Found {
    fn look(text: &str) -> Result<Self, Flaw> {
        let mut found = Self::default();
        walk(text, |piece| found.see(piece, text))?;
        Ok(found)
    }

    fn see(&mut self, piece: &Piece<'_>, text: &str) -> Result<(), Flaw> {
        let Range { start, end } = piece.span;
        match (&piece.event, piece.depth) {
            (Event::Decl(declaration), _) => {
                let encoding = declaration.encoding().and_then(Result::ok);
                let fits =
                    encoding.is_none_or(|name| ["utf-8", "us-ascii"].iter().any(|fit| name.eq_ignore_ascii_case(fit)));
                return if fits { Ok(()) } else { Err(Flaw::new(start, OTHER_ENCODING)) };
            }
            (Event::Start(tag) | Event::Empty(tag), 0) if tag.name().as_ref() != "directory" => {
                return Err(Flaw::new(start, OTHER_ROOT));
            }
            (Event::Start(tag), 1) if is_list(tag) => {
                self.in_list = true;
                self.list.get_or_insert(List::Open(end));
            }
            (Event::Empty(tag), 1) if is_list(tag) => {
                self.list.get_or_insert(List::Empty(end));
            }
            (Event::End(_), 1) => self.in_list = false,
            (Event::Start(tag), 2) if self.in_list && is_ours(tag) => self.open = Some(behind_text(text, start)),
            (Event::Empty(tag), 2) if self.in_list && is_ours(tag) => self.ours.push(behind_text(text, start)..end),
            (Event::End(_), 2) => self.ours.extend(self.open.take().map(|begin| begin..end)),
            _ => {}
        }
        Ok(())
    }
}

fn is_list(tag: &BytesStart<'_>) -> bool {
    tag.name().as_ref() == "item_list"
}

fn is_ours(tag: &BytesStart<'_>) -> bool {
    let mut attributes = tag.attributes();
    tag.name().as_ref() == "item"
        && attributes.with_checks(false).flatten().any(|attribute| {
            attribute.key.as_ref() == "server"
                && quick_xml::escape::unescape(&attribute.value).is_ok_and(|value| value == "yes")
        })
}

/// Where the blanks before `place` begin.
fn behind_text(text: &str, place: usize) -> usize {
    text.get(..place).map_or(place, |before| before.trim_end_matches(is_blank).len())
}

fn assemble(text: &str, list: List, old: &[Range<usize>], ours: &str) -> String {
    let mut merged = String::with_capacity(text.len() + ours.len() + 32);
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mut at = match list {
        List::Open(end) => {
            merged.extend([part(0..end), ours]);
            end
        }
        List::Empty(end) if ours.is_empty() => {
            merged.push_str(part(0..end));
            end
        }
        List::Empty(end) => {
            merged.extend([part(0..end - "/>".len()), ">", ours, "\n  </item_list>"]);
            end
        }
    };
    for range in old {
        merged.push_str(part(at..range.start));
        at = range.end;
    }
    merged.push_str(part(at..text.len()));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str =
        "\n    <item server='yes'><ln>team</ln><ct>30000</ct></item>\n    <item server='yes'><ct>1</ct></item>";

    fn merged(directory: &str) -> String {
        let once = merge(directory.as_bytes(), OURS).unwrap();
        assert_eq!(merge(once.as_bytes(), OURS).as_ref(), Ok(&once), "a second merge changes nothing");
        once
    }

    fn check(directory: &str, expected: &str) {
        assert_eq!(merged(directory), expected.replace("OURS", OURS), "{directory}");
    }

    fn check_damaged(directory: &[u8], words: &str) {
        assert_eq!(merge(directory, OURS), Err(Damage(words.into())), "{}", String::from_utf8_lossy(directory));
    }

    #[test]
    fn our_items_come_first_and_the_owners_stay() {
        check(
            "<directory><item_list>\n <item><ln>Oma</ln></item>\n</item_list></directory>",
            "<directory><item_list>OURS\n <item><ln>Oma</ln></item>\n</item_list></directory>",
        );
    }

    #[test]
    fn our_old_items_go_with_the_blanks_before_them_in_either_quotes() {
        check(
            "<directory><item_list>\n\t<item server='yes'><ct>1</ct></item>\n <item a='1' server = \"yes\" />\n \
             <item>x</item> text \n <item server='&#121;es'><item/></item>\n</item_list></directory>",
            "<directory><item_list>OURS\n <item>x</item> text\n</item_list></directory>",
        );
    }

    #[test]
    fn what_looks_like_an_item_of_ours_and_is_none_stays() {
        for kept in [
            "<item server='no'/>",
            "<item server='YES'/>",
            "<item server=''/>",
            "<item x:server='yes'/>",
            "<Item server='yes'/>",
            "<item><item server='yes'/></item>",
            "<other><item server='yes'></item></other>",
            "<!-- <item server='yes'/> -->",
            "<![CDATA[<item server='yes'/>]]>",
            "&lt;item server='yes'/&gt;",
            "<?x <item server='yes'/>?>",
        ] {
            check(
                &format!("<directory><item_list> {kept} </item_list><item server='yes'/></directory>"),
                &format!("<directory><item_list>OURS {kept} </item_list><item server='yes'/></directory>"),
            );
        }
    }

    #[test]
    fn whatever_else_is_in_the_file_stays() {
        let around = |list: &str| {
            format!(
                "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes'?>\r\n<!DOCTYPE directory [<!ENTITY o SYSTEM \"file:///etc/passwd\">]>\
                 \n<!-- mine --><directory a = '>' >\r\n<x/><y>&o;</y>{list}<z><item_list/></z>\n</directory >\r\n<!-- end -->\n"
            )
        };
        let owners =
            "\r\n<item>\t<ln>O&apos;Neil &amp; J&#xFC;rgen &o;</ln><![CDATA[ ]]><new/></item>&#10;<!-- x --><Item/>\n";
        check(
            &around(&format!("<item_list b=\"'\">{owners}</item_list>")),
            &around(&format!("<item_list b=\"'\">OURS{owners}</item_list>")),
        );
    }

    #[test]
    fn our_items_elsewhere_are_not_taken_for_those_at_the_beginning() {
        check(
            "<directory><!--<item_list>OURS--><item_list><!-- x -->OURS</item_list></directory>"
                .replace("OURS", OURS)
                .as_str(),
            "<directory><!--<item_list>OURS--><item_list>OURS<!-- x --></item_list></directory>",
        );
        check(
            "<directory><item_list>OURS<item/>OURS</item_list></directory>".replace("OURS", OURS).as_str(),
            "<directory><item_list>OURS<item/></item_list></directory>",
        );
    }

    #[test]
    fn an_empty_list_is_opened_and_further_lists_lose_our_items() {
        check(
            "<directory><item_list x='1' /></directory>",
            "<directory><item_list x='1' >OURS\n  </item_list></directory>",
        );
        check(
            "<directory><item_list/><item_list> <item server='yes'/></item_list></directory>",
            "<directory><item_list>OURS\n  </item_list><item_list></item_list></directory>",
        );
        assert_eq!(merge(b"<directory><item_list/></directory>", "").unwrap(), "<directory><item_list/></directory>");
    }

    #[test]
    fn a_damaged_file_is_told_without_its_content() {
        check_damaged(b"<directory><item_list>\xFF</item_list></directory>", "it is not in UTF-8");
        check_damaged(b"", "it is not well-formed XML; look at line 1");
        check_damaged(b"<directory>\n<item_list>\n", "it is not well-formed XML; look at line 2");
        check_damaged(b"<directory>\n<item_list></secret></directory>", "it is not well-formed XML; look at line 2");
        check_damaged(b"<directory/>", "there is no item_list in it");
        check_damaged(b"<directory><x><item_list/></x></directory>", "there is no item_list in it");
        check_damaged(b"<item_list></item_list>", "it is no directory");
        check_damaged(
            b"<?xml version='1.0' encoding='ISO-8859-1'?><directory><item_list/></directory>",
            "it says that it is not in UTF-8",
        );
    }

    #[test]
    fn hostile_files_of_four_megabytes_are_done_with() {
        let size = 4 << 20;
        let repeated = |part: &str| part.repeat(size / part.len());
        for inside in [
            repeated("<item>"),
            format!("{}{}", repeated("<a>"), repeated("</a>")),
            repeated("<item server='yes'/>"),
            repeated(" <item server='yes'></item>"),
            repeated(" "),
            repeated("&amp;"),
            repeated("<item server='yes'>"),
            format!("<item {}/>", repeated("a='' ")),
            format!("<item server='{}'/>", repeated("&amp;")),
            repeated("<!--x-->"),
            repeated("<![CDATA["),
            repeated("<!--"),
        ] {
            let directory = format!("<directory><item_list>{inside}</item_list></directory>");
            if let Ok(once) = merge(directory.as_bytes(), OURS) {
                assert_eq!(merge(once.as_bytes(), OURS), Ok(once));
            }
        }
    }

    /// Something that can stand in an item list, and whether it is ours.
    fn entry() -> impl Strategy<Value = (String, bool)> {
        let owners = prop::sample::select(vec![
            "<item><ln>Oma</ln></item>",
            "<item server='no'><item server='yes'/></item>",
            "<!-- <item server='yes'> -->",
            "<![CDATA[</item_list>]]>",
            "&o;",
            "x",
            "<unknown a=\"&quot;\"><b/></unknown>",
            "<?pi?>",
        ]);
        let ours = prop::sample::select(vec![
            "<item server='yes'><ln>a</ln></item>",
            "<item\n server=\"yes\"/>",
            "<item a='>' server='yes'><item>x</item></item>",
        ]);
        prop_oneof![owners.prop_map(|text| (text.to_owned(), false)), ours.prop_map(|text| (text.to_owned(), true))]
    }

    proptest! {
        #[test]
        fn the_owners_entries_stay_in_order_and_unchanged(
            entries in proptest::collection::vec((prop::sample::select(vec!["", " ", "\r\n\t"]), entry()), 0..20),
        ) {
            let all: String = entries.iter().flat_map(|(blanks, (text, _))| [*blanks, text]).collect();
            let owners: String =
                entries.iter().filter(|(_, (_, ours))| !ours).flat_map(|(blanks, (text, _))| [*blanks, text]).collect();
            let directory = |inside: &str| format!("<directory>\n<item_list>{inside}\n</item_list></directory>");
            prop_assert_eq!(merged(&directory(&all)), directory(&format!("{OURS}{owners}")));
        }

        #[test]
        fn no_bytes_make_the_merge_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let directory = [b"<directory><item_list>".as_slice(), &bytes, b"</item_list></directory>"].concat();
            let _ = merge(&directory, OURS);
        }
    }
}
