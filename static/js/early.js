// Runs before the first paint, so that a chosen theme does not flash. The only script that is not a module.
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch (refused) { /* storage switched off: the system decides */ }
})();
