import { Button } from '@patternfly/react-core'
import MoonIcon from '@patternfly/react-icons/dist/esm/icons/moon-icon.js'
import SunIcon from '@patternfly/react-icons/dist/esm/icons/sun-icon.js'
import { useState } from 'react'
import { applyTheme, isDark } from './theme.ts'

export function ThemeToggle() {
  const [dark, setDark] = useState(isDark())
  const toggle = () => {
    applyTheme(dark ? 'light' : 'dark')
    setDark(!dark)
  }
  const label = dark ? 'Light theme' : 'Dark theme'
  return (
    <Button
      variant="plain"
      aria-label={label}
      title={label}
      icon={dark ? <SunIcon /> : <MoonIcon />}
      onClick={toggle}
    />
  )
}
