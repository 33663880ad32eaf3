/**
 * The live view of one Canary in a terminal, as text: weights, success rate and p99 of both tracks, the client's book and
 * the latest events. Pure: state in, lines out. `terminal.ts` puts the lines on the screen.
 */

export interface TrackView {
  /** Replicas that are ready. */
  readonly readyPods: number
  /** What this track serves, e.g. an image tag. */
  readonly version: string
  readonly weightPercent: number
  /** Requests since the start of the release; undefined while nothing is known. */
  readonly requests: number | undefined
  readonly successRatePercent: number | undefined
  readonly p99Ms: number | undefined
}

export interface View {
  readonly canary: string
  readonly phase: string
  readonly elapsedMs: number
  readonly headline: string
  readonly primary: TrackView
  readonly canaryTrack: TrackView
  /** The client's own book. */
  readonly sent: number
  readonly failed: number
  readonly events: readonly string[]
}

const barWidth = 30
const eventLines = 8
const eventWidth = 96

/** The whole picture, one string per line, no control characters but colours when `colour` is set. */
export function renderView(view: View, colour: boolean): readonly string[] {
  const paint = colour ? paints : plain
  return [
    `${paint.bold(view.headline)}  ${paint.dim(formatElapsed(view.elapsedMs))}`,
    `canary ${paint.bold(view.canary)}  ${paint.bold(view.phase)}`,
    '',
    `  ${pad('', 8)} ${pad('version', 9)} ${pad('pods', 4)} ${pad('weight', barWidth + 7)} ${padStart('requests', 9)} ${padStart('success', 9)} ${padStart('p99', 9)}`,
    trackLine('primary', view.primary, paint.green),
    trackLine('canary', view.canaryTrack, paint.yellow),
    '',
    `  client: ${view.sent} sent, ${(view.failed > 0 ? paint.red : paint.green)(`${view.failed} failed`)}`,
    '',
    ...view.events.slice(-eventLines).map((event) => `  ${paint.dim(cut(event))}`),
  ]
}

/** The one line that says the same where the output is not a terminal. */
export function renderLine(view: View): string {
  const track = (name: string, { version, weightPercent, successRatePercent, p99Ms }: TrackView) =>
    `${name} ${version} ${weightPercent}% success=${formatPercent(successRatePercent)} p99=${formatMs(p99Ms)}`
  return `${formatElapsed(view.elapsedMs)} ${view.phase} | ${track('primary', view.primary)} | ${track('canary', view.canaryTrack)} | sent=${view.sent} failed=${view.failed}`
}

function trackLine(name: string, track: TrackView, paint: (text: string) => string): string {
  const filled = Math.round((track.weightPercent / 100) * barWidth)
  const bar = paint('█'.repeat(filled)) + '░'.repeat(barWidth - filled)
  return `  ${pad(name, 8)} ${pad(track.version, 9)} ${pad(String(track.readyPods), 4)} ${bar} ${padStart(`${track.weightPercent} %`, 6)} ${padStart(track.requests === undefined ? '-' : String(track.requests), 9)} ${padStart(formatPercent(track.successRatePercent), 9)} ${padStart(formatMs(track.p99Ms), 9)}`
}

/** A line that a narrow terminal would fold costs the picture its shape. */
const cut = (text: string): string => (text.length > eventWidth ? `${text.slice(0, eventWidth - 1)}…` : text)
const pad = (text: string, width: number): string => text.padEnd(width)
const padStart = (text: string, width: number): string => text.padStart(width)
const formatPercent = (value: number | undefined): string => (value === undefined ? '-' : `${value.toFixed(2)}%`)
const formatMs = (value: number | undefined): string => (value === undefined ? '-' : `${value.toFixed(1)}ms`)

/** 83000 → `1m23s`, padded so that plain lines stand in columns. */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const text = seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
  return text.padStart(6)
}

const ansi = (open: number, close: number) => (text: string) => `\u001B[${open}m${text}\u001B[${close}m`
const paints = { bold: ansi(1, 22), dim: ansi(2, 22), red: ansi(31, 39), green: ansi(32, 39), yellow: ansi(33, 39) }
const same = (text: string): string => text
const plain: typeof paints = { bold: same, dim: same, red: same, green: same, yellow: same }
