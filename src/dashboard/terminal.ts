import { createLogUpdate } from 'log-update'
import { renderLine, renderView, type View } from './view.ts'

/** A place to show progress: redrawn in place in a terminal, one line per change elsewhere. Writes to the given stream alone. */
export interface Screen {
  /** Shows the state; cheap to call often. */
  show(view: View): void
  /** A line that stays above the live view. */
  say(line: string): void
  /** Leaves the last picture on the screen and ends the live view. */
  done(): void
}

export function openScreen(stream: NodeJS.WriteStream): Screen {
  return stream.isTTY ? liveScreen(stream) : plainScreen(stream)
}

function liveScreen(stream: NodeJS.WriteStream): Screen {
  const update = createLogUpdate(stream)
  let current = ''
  return {
    show(view) {
      current = renderView(view, stream.hasColors()).join('\n')
      update(current)
    },
    say(line) {
      update.clear()
      stream.write(`${line}\n`)
      if (current) update(current)
    },
    done() {
      update.done()
      current = ''
    },
  }
}

function plainScreen(stream: NodeJS.WriteStream): Screen {
  let last = ''
  let shownEvents: readonly string[] = []
  return {
    show(view) {
      for (const event of newEvents(shownEvents, view.events)) stream.write(`        ${event}\n`)
      shownEvents = view.events
      // Counters alone are no news: a line appears when phase, weight or a version changes.
      const state = `${view.phase} ${view.canaryTrack.weightPercent} ${view.primary.version} ${view.canaryTrack.version}`
      if (state !== last) stream.write(`${renderLine(view)}\n`)
      last = state
    },
    say: (line) => void stream.write(`${line}\n`),
    done() {},
  }
}

/** Those of `now` that come after what was shown; the list only grows at its end and may lose its beginning. */
function newEvents(shown: readonly string[], now: readonly string[]): readonly string[] {
  const last = shown.at(-1)
  const at = last === undefined ? -1 : now.lastIndexOf(last)
  return now.slice(at + 1)
}
