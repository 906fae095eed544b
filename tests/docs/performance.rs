//! The page of figures and its charts are what the template and the results in `benches` give.

use std::process::Command;

use super::path;

#[test]
fn the_page_of_figures_is_what_its_template_and_the_kept_results_give() {
    let output = Command::new(path("benches/page/make"))
        .arg("--check")
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
