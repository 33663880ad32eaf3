import { spawn } from 'node:child_process'

/**
 * A shell of a megabyte that outlives the sandbox for a moment: when the sandbox's end of its pipe closes, whatever the reason,
 * it kills every process group that it was told of, and removes the sandbox's folder if it is a temporary one.
 */
export interface Reaper {
  add(group: number): void
  remove(group: number): void
  /** Ends the reaper, which kills what it still knows. Resolves when it is done. */
  close(): Promise<void>
}

// A group that has ended is struck off, so that its number cannot hit a stranger. $1 is the folder, or empty.
const script = `
trap '' INT TERM HUP
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
if [ -n "$1" ]; then sleep 0.2; rm -rf -- "$1"; fi
`

/** `temporaryDir` is removed at the end; absent: nothing is. */
export function startReaper(temporaryDir: string | undefined): Reaper {
  const shell = spawn('/bin/sh', ['-c', script, 'kinglet-sandbox-reaper', temporaryDir ?? ''], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const ended = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve())
    shell.once('error', () => resolve())
  })
  shell.stdin.on('error', () => undefined)
  shell.unref()
  return {
    add: (group) => void shell.stdin.write(`+ ${group}\n`),
    remove: (group) => void shell.stdin.write(`- ${group}\n`),
    close: () => {
      // Whoever waits for the end must not be ended for having nothing else to do.
      shell.ref()
      shell.stdin.end()
      return ended
    },
  }
}
