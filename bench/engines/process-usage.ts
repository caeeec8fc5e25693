import { readFileSync } from 'node:fs'

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU time of all threads of these processes so far, and the largest of their peaks in memory (proc(5)). */
export function processUsage(pids: readonly number[]): { cpuSeconds: number; peakRssMiB: number } {
  const usages = pids.map((pid) => {
    const [utime = 0, stime = 0] = statFields(pid).slice(11)
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kibibytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN)
    return { cpuSeconds: (utime + stime) / TICKS_PER_SECOND, peakRssMiB: Math.round(kibibytes / 1024) }
  })
  return {
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakRssMiB: Math.max(...usages.map(({ peakRssMiB }) => peakRssMiB)),
  }
}

/** CPU time of this process's children that have ended. */
export function reapedCpuSeconds(): number {
  const [cutime = 0, cstime = 0] = statFields('self').slice(13)
  return (cutime + cstime) / TICKS_PER_SECOND
}

/** All of the machine but idle time, in seconds of one core. */
export function machineCpuSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
}

/** What follows the program's name, which may hold spaces and brackets; the first is field 3. */
function statFields(pid: number | 'self'): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}
