/**
 * The age of something as kubectl prints it, two units at most and coarser with time: `59s`, `2m5s`, `11m`, `3h7m`, `25h`, `3d4h`,
 * `40d`, `3y`. Source: the behaviour of `duration.HumanDuration` in Kubernetes.
 */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.floor(hours / 24)
  if (hours < 192) return withRest(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  const years = Math.floor(days / 365)
  return years < 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`
}

const withRest = (amount: number, unit: string, rest: number, restUnit: string): string => (rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`)

export function ageSince(time: string | undefined, now: Date): string {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? '<unknown>' : formatAge(now.getTime() - at)
}
