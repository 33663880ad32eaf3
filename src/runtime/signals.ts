/**
 * Aborted by the first SIGTERM or SIGINT; what runs winds down then. A second signal ends the process at once with 130, for a
 * person who does not want to wait.
 */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(130)
    stopping.abort(name)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return stopping.signal
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
