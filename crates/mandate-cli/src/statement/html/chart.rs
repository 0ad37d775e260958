//! How much of each cap was used over the month, drawn to scale in whole numbers.

use mandate::{MinorUnits, Money, UnixSeconds};
use mandate_policy::Per;
use maud::{Markup, html};

use super::{grouped, shown, time};
use crate::statement::Statement;
use crate::statement::calendar::Period;
use crate::statement::usage::{CapUsage, Day, Mark};

/// The width of a drawing in its own units; it is stretched to the page.
const WIDTH: u64 = 10_000;
/// Its height.
const HEIGHT: u64 = 1_000;
/// What is above the largest amount, so that a line there can be seen.
const HEADROOM: u64 = 40;
/// How much of a day's width its bar takes, of 100.
const BAR_PERCENT: u64 = 72;
/// Days between two labels below a drawing.
const LABEL_DAYS: usize = 7;

/// All caps, a drawing each.
pub(super) fn caps(statement: &Statement) -> Markup {
    let Statement { period, caps, policy, .. } = statement;
    html! {
        section #caps aria-labelledby="h-caps" {
            h2 #h-caps { "Against the caps" }
            @if caps.is_empty() {
                p.none { "wallet.toml limits no amount over a time." }
            } @else {
                p.legend {
                    "What counted under each cap of wallet.toml"
                    @if !policy.in_force { " (the file is not the one in force)" }
                    ": filled, what counts; with a dashed outline, what counted and was given back; the dashed line, "
                    "the limit."
                }
                div.caps { @for (index, cap) in caps.iter().enumerate() { (figure(period, index, cap)) } }
            }
        }
    }
}

fn figure(period: &Period, index: usize, cap: &CapUsage) -> Markup {
    let scale = Scale { period, top: cap.limit.amount.max(cap.highest.used).max(MinorUnits::ONE) };
    let limit_y = scale.y(cap.limit.amount);
    let highest = Money { amount: cap.highest.used, ..cap.limit };
    let (title, desc) = (format!("cap-{index}-title"), format!("cap-{index}-desc"));
    html! {
        figure.cap data-cap=(cap.cap) {
            figcaption {
                h3 { (grouped(cap.limit)) " " (cap.limit.currency) " " (cap.name()) }
                p {
                    "Highest "
                    span data-sum="highest" data-minor=(highest.amount.units()) data-currency=(highest.currency) {
                        (shown(highest))
                    }
                    @if cap.highest.used > MinorUnits::ZERO {
                        ", " (share(cap.highest.used, cap.limit.amount)) ", "
                        (time(period, cap.highest.at, &period.short(cap.highest.at)))
                    }
                    " · used now "
                    span data-sum="used_now" data-minor=(cap.used_now.amount.units())
                        data-currency=(cap.used_now.currency) { (shown(cap.used_now)) }
                }
            }
            div.plot {
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-labelledby={ (title) " " (desc) } {
                    title id=(title) { (cap.cap) ": how much of it was used in " (period.title()) }
                    desc id=(desc) { (described(period, cap)) }
                    @if cap.per == Per::Day { (bars(&scale, cap)) } @else { (line(&scale, cap)) }
                    line.limit x1="0" x2=(WIDTH) y1=(limit_y) y2=(limit_y) {}
                    line.base x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                }
                span.limit-label style={ "top:" (permille(limit_y, HEIGHT)) } aria-hidden="true" {
                    "limit " (grouped(cap.limit)) " " (cap.limit.currency)
                }
            }
            (axis(&scale))
        }
    }
}

/// Places on a drawing.
struct Scale<'p> {
    period: &'p Period,
    /// The largest amount that is drawn.
    top: MinorUnits,
}

impl Scale<'_> {
    fn x(&self, at: UnixSeconds) -> u64 {
        let whole = self.period.until.since(self.period.from);
        part(at.since(self.period.from).min(whole), whole, WIDTH)
    }

    fn y(&self, amount: MinorUnits) -> u64 {
        let up = part(amount.units(), self.top.units(), HEIGHT.saturating_sub(HEADROOM));
        HEIGHT.saturating_sub(up)
    }
}

/// `scale` × `part` ÷ `whole`, without a loss for any amount; nothing of nothing.
fn part(part: u64, whole: u64, scale: u64) -> u64 {
    let scaled = u128::from(part).saturating_mul(u128::from(scale));
    scaled.checked_div(u128::from(whole)).and_then(|part| part.try_into().ok()).unwrap_or(0)
}

/// `12.3%`, as CSS takes it.
fn permille(of: u64, whole: u64) -> String {
    let tenths = part(of, whole, 1_000);
    let (percent, tenth) = (tenths.checked_div(10), tenths.checked_rem(10));
    format!("{}.{}%", percent.unwrap_or_default(), tenth.unwrap_or_default())
}

fn share(used: MinorUnits, limit: MinorUnits) -> String {
    if limit == MinorUnits::ZERO || used > limit {
        return "above the limit".to_owned();
    }
    match part(used.units(), limit.units(), 100) {
        0 => "less than 1 % of the limit".to_owned(),
        percent => format!("{percent} % of the limit"),
    }
}

/// A bar for each day.
fn bars(scale: &Scale<'_>, cap: &CapUsage) -> Markup {
    let bar = |day: &Day, class: &str, low: MinorUnits, high: MinorUnits| {
        let (left, right) = (scale.x(day.from), scale.x(day.until));
        let room = right.saturating_sub(left);
        let width = part(room, 100, BAR_PERCENT);
        let margin = part(room.saturating_sub(width), 2, 1);
        let (top, bottom) = (scale.y(high), scale.y(low));
        html! {
            rect class=(class) x=(left.saturating_add(margin)) width=(width) y=(top)
                height=(bottom.saturating_sub(top)) {}
        }
    };
    html! {
        @for day in &cap.days {
            @if day.highest > day.counted { (bar(day, "given-back", day.counted, day.highest)) }
            @if day.counted > MinorUnits::ZERO {
                (bar(day, "used", MinorUnits::ZERO, day.counted))
            }
        }
    }
}

/// A line that steps where something was counted, given back, or left the window.
fn line(scale: &Scale<'_>, cap: &CapUsage) -> Markup {
    let moves = cap.steps.iter().enumerate().map(|(index, Mark { at, used })| {
        let (x, y) = (scale.x(*at), scale.y(*used));
        if index == 0 { format!("M{x} {y}") } else { format!("H{x}V{y}") }
    });
    let moves: String = moves.collect();
    if moves.is_empty() {
        return html! {};
    }
    let path = format!("{moves}H{}", scale.x(cap.told_until));
    html! {
        path.area d={ (path) "V" (HEIGHT) "H0Z" } {}
        path.step d=(path) {}
    }
}

/// The days below a drawing.
fn axis(scale: &Scale<'_>) -> Markup {
    let days = scale.period.days();
    html! {
        div.axis aria-hidden="true" {
            @for (number, from) in days.iter().enumerate().step_by(LABEL_DAYS) {
                span style={ "left:" (permille(scale.x(*from), WIDTH)) } {
                    (number.saturating_add(1))
                }
            }
        }
    }
}

/// The drawing in words.
fn described(period: &Period, cap: &CapUsage) -> String {
    let money = |amount| Money { amount, ..cap.limit };
    let (limit, highest) = (cap.limit, money(cap.highest.used));
    let start = format!("The limit is {limit}. The most that counted was {highest}.");
    let rest = if cap.per == Per::Day {
        let days = cap.days.iter().filter(|day| day.highest > MinorUnits::ZERO);
        let told = days.map(|day| {
            let given_back = day.highest > day.counted;
            let at_most = given_back.then(|| format!(", at most {}", money(day.highest)));
            let at_most = at_most.unwrap_or_default();
            format!(" {}: {}{at_most}.", period.day(day.from), money(day.counted))
        });
        told.collect()
    } else if let (Some(first), Some(last)) = (cap.steps.first(), cap.steps.last()) {
        let (first, last) = (money(first.used), money(last.used));
        format!(" It was {first} at the start and {last} at the end.")
    } else {
        String::new()
    };
    start + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_up() {
        let share =
            |used, limit| share(MinorUnits::new(used).unwrap(), MinorUnits::new(limit).unwrap());
        assert_eq!(share(1, 50_000), "less than 1 % of the limit");
        assert_eq!(share(49_999, 50_000), "99 % of the limit");
        assert_eq!(share(50_000, 50_000), "100 % of the limit");
        assert_eq!(share(50_001, 50_000), "above the limit");
        assert_eq!(share(1, 0), "above the limit");
    }

    #[test]
    fn the_largest_amounts_have_a_place() {
        let max = MinorUnits::MAX.units();
        assert_eq!(part(max, max, HEIGHT), HEIGHT);
        assert_eq!((part(1, max, HEIGHT), part(1, 0, HEIGHT)), (0, 0));
        assert_eq!(permille(960, 1_000), "96.0%");
    }
}
