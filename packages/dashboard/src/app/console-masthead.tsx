import {
  Button,
  Label,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  PageToggleButton,
} from '@patternfly/react-core'
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon.js'
import { Link } from 'wouter'
import { HealthBadge } from '../parts/health-badge.tsx'
import { useSession } from './session-context.ts'
import logo from './shoal.svg'
import { ThemeToggle } from './theme-toggle.tsx'

export function ConsoleMasthead() {
  const { session, signOut } = useSession()
  return (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton aria-label="Navigation" variant="plain">
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <Link href="/" className="shoal-brand">
            <img src={logo} alt="" width={28} height={28} /> Shoal
          </Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <div className="shoal-masthead">
          <HealthBadge />
          <span className="shoal-spring" />
          {session.role === 'reader' ? <Label color="blue">read only</Label> : null}
          <ThemeToggle />
          <Button variant="link" onClick={signOut} title={`Signed in as ${session.actor}`}>
            Sign out
          </Button>
        </div>
      </MastheadContent>
    </Masthead>
  )
}
