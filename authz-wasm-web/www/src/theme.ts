// Light or dark: as the system says, until somebody chooses.
import { byId } from "./element";

export function startTheme(): void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = (): boolean => (root.dataset["theme"] ?? (system.matches ? "dark" : "light")) === "dark";
  byId("theme").addEventListener("click", () => {
    root.dataset["theme"] = isDark() ? "light" : "dark";
  });
}
