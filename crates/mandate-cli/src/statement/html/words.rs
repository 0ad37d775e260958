//! The one way for foreign text into the page.

use maud::{Markup, Render, html};

use mandate_terminal::escape::for_terminal;

/// Words that an agent, a merchant or a file wrote.
///
/// What could steer a reader is spelled out, what could be markup is escaped, and their direction is their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'t>(pub(super) &'t str);

impl Render for Words<'_> {
    fn render(&self) -> Markup {
        html! { bdi { (for_terminal(self.0).as_ref()) } }
    }
}

#[cfg(test)]
mod tests {
    use mandate::text::is_unsafe_to_show;
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let shown = Words(text).render().into_string();
        let inner = shown.strip_prefix("<bdi>").and_then(|rest| rest.strip_suffix("</bdi>"));
        inner.unwrap().to_owned()
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            shown("<script>alert(\"1\")</script> ]]> & \u{202e}"),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; ]]&gt; &amp; \\u{202e}"
        );
    }

    proptest! {
        #[test]
        fn no_text_begins_or_ends_anything(text: String) {
            let shown = shown(&text);
            prop_assert!(!shown.contains(['<', '>', '"']));
            prop_assert!(!shown.chars().any(is_unsafe_to_show));
            let amps = shown.match_indices('&').all(|(at, _)| {
                ["&lt;", "&gt;", "&amp;", "&quot;"].iter().any(|entity| shown.get(at..).unwrap().starts_with(entity))
            });
            prop_assert!(amps, "{shown}");
            let read = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            prop_assert_eq!(read.replace("&amp;", "&"), for_terminal(&text));
        }
    }
}
