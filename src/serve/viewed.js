// Tells drip that somebody looks at this page who came by a link of a mail.
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || !script.src || !window.fetch || !window.URL) return;
  var to = new URL("viewed", script.src).href;
  var token = null;

  function kept(value) {
    // A browser may forbid it; then only this page is told of.
    try {
      if (value === undefined) return sessionStorage.getItem("drip");
      if (value === null) sessionStorage.removeItem("drip");
      else sessionStorage.setItem("drip", value);
    } catch (forbidden) {}
    return null;
  }

  // The token leaves the address, so that nobody passes it on with the page.
  var query = location.search.replace(/[?&]drip=([^&]*)/g, function (all, value) {
    token = value;
    return "";
  });
  if (token !== null) {
    var address = location.origin + location.pathname + query.replace(/^&/, "?") + location.hash;
    history.replaceState(history.state, "", address);
  }

  // Do Not Track, and Global Privacy Control.
  if (navigator.globalPrivacyControl || navigator.doNotTrack === "1" || window.doNotTrack === "1") {
    kept(null);
    return;
  }

  function tell() {
    token = token || kept();
    if (!token) return;
    kept(token);
    var page = location.origin + location.pathname + location.search;
    fetch(to, {
      method: "POST",
      mode: "cors",
      credentials: "omit",
      keepalive: true,
      body: JSON.stringify({ token: token, event: "page_viewed", url: page, title: document.title })
    }).catch(function () {});
  }

  // For a page that asks for consent first, or shows another view without being loaded.
  window.dripViewed = tell;
  if (!script.hasAttribute("data-consent")) tell();
})();
