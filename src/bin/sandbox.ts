import type { SandboxOptions } from '../cli/sandbox.ts'
import { welcome } from '../cli/sandbox-welcome.ts'
import { describeError } from '../base/errors.ts'
import { aborted, stopSignal } from '../runtime/signals.ts'
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts'

/** `kinglet sandbox`: runs until it is interrupted; answers with the exit code. */
export async function runSandbox(options: SandboxOptions): Promise<number> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  const signal = stopSignal()
  let sandbox: Sandbox | undefined
  try {
    sandbox = await startSandbox({
      ...(options.dir === undefined ? {} : { dir: options.dir }),
      ...(options.port === undefined ? {} : { port: options.port }),
    })
    if (options.kinglet) {
      say('Installing Kinglet: controller and webhook …')
      await Promise.race([sandbox.installKinglet(), aborted(signal)])
    }
    if (!signal.aborted) say(welcome(sandbox, options.kinglet))
    await aborted(signal)
    say('Stopping …')
    return 0
  } catch (error) {
    process.stderr.write(`The sandbox cannot run: ${describeError(error)}\n`)
    return 1
  } finally {
    await sandbox?.stop()
  }
}
