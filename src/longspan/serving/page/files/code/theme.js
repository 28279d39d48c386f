/** Light, dark, or as the system has it. Runs before anything is shown, so that nothing flashes. */

{
  const NAME = "longspan.theme";
  const ORDER = ["system", "light", "dark"];
  const LABELS = { system: "Colours: automatic", light: "Colours: light", dark: "Colours: dark" };

  const now = () => {
    const held = localStorage.getItem(NAME);
    return ORDER.includes(held) ? held : "system";
  };
  const show = () => {
    const theme = now();
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = LABELS[theme];
  };

  show();
  addEventListener("storage", show);
  addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      localStorage.setItem(NAME, ORDER[(ORDER.indexOf(now()) + 1) % ORDER.length]);
      show();
    });
  });
}
