//! The page before a user in Chromium: who has only a keyboard, and who prints it.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_testkit::browser::{Browser, Key, Medium, Scheme, Tab};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};
use serde_json::{Value, json};

use super::stage::{Result, Stage};

/// Problems of the page on paper.
const PAPER: &str = include_str!("paper.js");

/// Where the keyboard is: nothing at the ends of the page. Whether it can be seen there.
const FOCUS: &str = "(() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const [box, style] = [element.getBoundingClientRect(), getComputedStyle(element)];
    const within = box.width > 0 && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return { name: element.textContent.trim(), seen: within && ring };
})()";

/// All that a keyboard must come to, in the order of the page.
const STOPS: &str = "[...document.querySelectorAll('a[href], summary, button, input, [tabindex]')]
    .map((element) => element.textContent.trim())";

type Test = fn(&Program) -> TestResult;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let tests: [(&str, Test); 2] = [
        ("the_page_is_used_with_nothing_but_a_keyboard", keyboard),
        ("the_page_on_paper_is_whole_and_tells_in_words", paper),
    ];
    tests.into_iter().fold(suite, |suite, (name, test)| {
        let program = Arc::clone(program);
        suite.test(name, move || test(&program))
    })
}

/// A page with all that can be folded: older sets, and things to know.
fn page(stage: &Stage<'_>) -> Result<PathBuf> {
    for number in 0..8 {
        let name = format!("data/base/1/{}", 20000 + number);
        let more = stage.scratch.write(name, [0; 8192])?;
        stage.scratch.account().own(&more)?;
        stage.of_main(&["--no-online", "--type=incr", "backup"])?;
    }
    Ok(stage.scratch.write("report.html", stage.report(&[])?)?)
}

fn is(what: &str, found: &Value, wanted: &Value) -> TestResult {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found} instead of {wanted}").into()),
    }
}

/// Presses the key until nothing has the keyboard. The names of all that had it; each must have been seen.
fn walk(tab: &mut Tab, key: Key) -> Result<Vec<Value>> {
    let mut names = Vec::new();
    loop {
        tab.press(key)?;
        let mut focus = tab.evaluate(FOCUS)?;
        if focus.is_null() {
            return Ok(names);
        }
        if focus["seen"] != true || names.len() > 100 {
            return Err(format!("behind {names:?} the keyboard is lost: {focus}").into());
        }
        names.push(focus["name"].take());
    }
}

fn keyboard(program: &Program) -> TestResult {
    let browser = Browser::new()?;
    let stage = Stage::new(program)?;
    let file = page(&stage)?;
    let mut tab = browser.tab()?;
    for width in [320, 1280] {
        tab.look(width, Medium::Screen, Scheme::Light)?;
        tab.open(&file)?;
        let stops = tab.evaluate(STOPS)?;
        let forth = walk(&mut tab, Key::Tab)?;
        is("the order", &json!(forth), &stops)?;
        let mut back = walk(&mut tab, Key::BackTab)?;
        back.reverse();
        is("the way back", &json!(back), &stops)?;
        skip(&mut tab)?;
        follow(&mut tab)?;
        unfold(&mut tab)?;
    }
    match tab.console() {
        [] => Ok(()),
        complaints => Err(complaints.join("\n").into()),
    }
}

/// The first link leads past what is the same on every page.
fn skip(tab: &mut Tab) -> TestResult {
    tab.press(Key::Tab)?;
    let first = tab.evaluate(FOCUS)?;
    is("the first link", &first["name"], &json!("To the content"))?;
    tab.press(Key::Enter)?;
    is("it leads", &tab.evaluate("location.hash")?, &json!("#main"))?;
    tab.press(Key::Tab)?;
    let inside = "document.activeElement.closest('main') !== null";
    is("the next one", &tab.evaluate(inside)?, &json!(true))
}

/// A link to a stanza shows its heading.
fn follow(tab: &mut Tab) -> TestResult {
    while tab.evaluate(FOCUS)?["name"] != "web" {
        tab.press(Key::BackTab)?;
    }
    tab.press(Key::Enter)?;
    let heading = "(() => {
        const heading = document.querySelector(location.hash);
        const top = heading.getBoundingClientRect().top;
        return [heading.textContent.startsWith('Stanza web'), top >= 0 && top < innerHeight];
    })()";
    is("web", &tab.evaluate(heading)?, &json!([true, true]))
}

/// What is folded is opened and closed.
fn unfold(tab: &mut Tab) -> TestResult {
    let count = tab.evaluate("document.querySelectorAll('summary').length")?;
    if count == 0 {
        return Err("nothing is folded".into());
    }
    let state = "(() => {
        const details = document.activeElement.closest('details');
        return details && [details.open, details.lastElementChild.checkVisibility({ contentVisibilityAuto: true })];
    })()";
    let mut opened = 0;
    // From the top to the end.
    tab.evaluate("document.activeElement.blur()")?;
    walk(tab, Key::Tab)?;
    loop {
        tab.press(Key::Tab)?;
        if tab.evaluate(FOCUS)?.is_null() {
            break;
        }
        if tab.evaluate(state)?.is_null() {
            continue;
        }
        for open in [true, false] {
            tab.press(Key::Enter)?;
            is(
                "what is folded",
                &tab.evaluate(state)?,
                &json!([open, open]),
            )?;
        }
        opened += 1;
    }
    is("folded", &json!(opened), &count)
}

fn paper(program: &Program) -> TestResult {
    let browser = Browser::new()?;
    let stage = Stage::new(program)?;
    let file = page(&stage)?;
    let mut tab = browser.tab()?;
    tab.open(&file)?;
    for scheme in [Scheme::Light, Scheme::Dark] {
        // What margins leave of A4 and of A5 paper.
        for width in [718, 480] {
            tab.look(width, Medium::Print, scheme)?;
            let problems = tab.evaluate(PAPER)?;
            is(&format!("{scheme:?}, {width}"), &problems, &json!([]))?;
        }
    }
    // A4 and US Letter, without the backgrounds that browsers leave out.
    for size in [(8.27, 11.69), (8.5, 11.0)] {
        if !tab.print(size)?.starts_with(b"%PDF") {
            return Err("it cannot be printed".into());
        }
    }
    Ok(())
}
