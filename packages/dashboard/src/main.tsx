import '@patternfly/react-core/dist/styles/base.css'
import 'uplot/dist/uPlot.min.css'
import './app/dashboard.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'
import { applyTheme, savedTheme } from './app/theme.ts'

applyTheme(savedTheme())
const root = document.getElementById('root')
if (root === null) throw new TypeError('the document has no root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
