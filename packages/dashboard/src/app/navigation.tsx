import { Nav, NavItem, NavList, PageSidebar, PageSidebarBody } from '@patternfly/react-core'
import { Link, useLocation } from 'wouter'

const PAGES = [
  ['/', 'Overview'],
  ['/prefetch', 'Prefetch'],
  ['/images', 'Images and layers'],
  ['/nodes', 'Nodes'],
  ['/boots', 'Boots'],
  ['/events', 'Events'],
  ['/limits', 'Limits'],
] as const

export function Navigation() {
  const [location] = useLocation()
  const isActive = (path: string) => (path === '/' ? location === '/' : belongsTo(location, path))
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Pages">
          <NavList>
            {PAGES.map(([path, title]) => (
              <NavItem key={path} isActive={isActive(path)}>
                <Link href={path}>{title}</Link>
              </NavItem>
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  )
}

function belongsTo(location: string, path: string): boolean {
  const under = path === '/images' && location.startsWith('/layers/')
  return under || location === path || location.startsWith(`${path}/`)
}
