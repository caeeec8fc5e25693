export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'shoal-theme'
const DARK_CLASS = 'pf-v6-theme-dark'
const wish = window.matchMedia('(prefers-color-scheme: dark)')

export function savedTheme(): Theme {
  const saved = localStorage.getItem(KEY)
  return saved === 'light' || saved === 'dark' ? saved : 'auto'
}

/** Shows a theme from now on, and at the next visit; `auto` follows the system. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme)
  const isDark = theme === 'dark' || (theme === 'auto' && wish.matches)
  document.documentElement.classList.toggle(DARK_CLASS, isDark)
  document.documentElement.style.colorScheme = isDark ? 'dark' : 'light'
  for (const listener of listeners) listener()
}

const listeners = new Set<() => void>()
wish.addEventListener('change', () => applyTheme(savedTheme()))

/** Calls back when colours change: what is drawn on a canvas has to be drawn again. */
export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The value of a colour of the style sheet now. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--shoal-${name}`).trim()
}

export function isDark(): boolean {
  return document.documentElement.classList.contains(DARK_CLASS)
}
