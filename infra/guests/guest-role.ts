/** What a user makes of the base: an image with these packages. */
export interface GuestRole {
  readonly name: string
  readonly packages: readonly string[]
  /** Services that then run; the guest tells their state when it is up. */
  readonly units: readonly string[]
}

const role = (name: string, packages: string, units = ''): GuestRole => ({
  name,
  packages: packages.split(' '),
  units: units === '' ? [] : units.split(' '),
})

/** Twenty kinds of servers, most with 20 to 300 MB of packages; the first three are the small set. */
export const GUEST_ROLES: readonly GuestRole[] = [
  role('web', 'nginx php-fpm', 'nginx php8.2-fpm'),
  role('database', 'postgresql', 'postgresql@15-main'),
  role('build', 'build-essential git'),
  role('cache', 'redis-server python3-redis', 'redis-server'),
  role('mysql', 'mariadb-server', 'mariadb'),
  role('node', 'nodejs'),
  role('data', 'python3-pandas'),
  role('mail', 'postfix dovecot-imapd', 'postfix@- dovecot'),
  role('dns', 'bind9 bind9-dnsutils', 'named'),
  role('proxy', 'haproxy squid', 'haproxy squid'),
  role('monitoring', 'prometheus prometheus-node-exporter', 'prometheus prometheus-node-exporter'),
  role('java', 'openjdk-17-jre-headless'),
  role('ruby', 'ruby-full rake'),
  role('go', 'golang-go'),
  role('files', 'lighttpd rclone', 'lighttpd'),
  role('directory', 'slapd ldap-utils', 'slapd'),
  role('queue', 'rabbitmq-server', 'rabbitmq-server'),
  role('containers', 'containerd runc', 'containerd'),
  role('backup', 'borgbackup restic'),
  role('statistics', 'r-base-core'),
]
