// What is wrong with the page as it is laid out now, for paper: text that is missing, cut or hard to read, and states that only a colour tells.
(() => {
    const problems = [];
    const root = document.documentElement;
    const width = root.clientWidth;
    if (root.scrollWidth > width) problems.push(`the page is ${root.scrollWidth} wide`);
    const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = (colour) => {
        const [red, green, blue] = parts(colour).map((part) => {
            const value = part / 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            const [, , , opaque = 1] = parts(colour);
            if (opaque > 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let texts = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.textContent.trim();
        const element = node.parentElement;
        // What leads about on a screen, and what a browser shows under the mouse.
        if (!text || element.closest(".skip, nav, title")) continue;
        // Where there is no room for columns their names stand in the rows.
        const head = element.closest("thead");
        if (head && getComputedStyle(head).position === "absolute") continue;
        texts += 1;
        const range = document.createRange();
        range.selectNodeContents(node);
        const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
        if (boxes.length === 0 || !element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })) problems.push(`not shown: ${text}`);
        for (const box of boxes) if (box.left < 0 || box.right > width + 1) problems.push(`cut at ${box.left} to ${box.right}: ${text}`);
        const style = getComputedStyle(element);
        const [ink, paper] = [luminance(element.closest("svg") ? style.fill : style.color), luminance(ground(element))];
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (contrast < 4.5) problems.push(`a contrast of ${contrast}: ${text}`);
        if (paper < 0.7) problems.push(`dark paper: ${text}`);
    }
    if (texts < 100) problems.push(`only ${texts} texts`);
    for (const state of document.querySelectorAll(".badge, .verdict, .notice, dd.ok, dd.warn, dd.fail, span.ok, span.fail"))
        if (!state.textContent.trim()) problems.push(`a colour without a word: ${state.outerHTML}`);
    for (const picture of document.querySelectorAll("svg[role=img]")) {
        const of = document.getElementById(picture.getAttribute("aria-describedby"));
        if (!of?.textContent.trim() || of.getClientRects().length === 0) problems.push("a picture that no words tell");
    }
    return problems;
})()
