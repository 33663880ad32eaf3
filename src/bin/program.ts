import { buildControllerCommand } from '../cli/controller.ts'
import { buildDemoCommand } from '../cli/demo.ts'
import { buildExplainCommand } from '../cli/explain.ts'
import { buildProgram, runProgram } from '../cli/program.ts'
import { buildProxyCommand } from '../cli/proxy.ts'
import { buildSandboxCommand } from '../cli/sandbox.ts'
import { buildWebhookCommand } from '../cli/webhook.ts'
import { version } from './version.ts'

// Each command's code is loaded when it is called.
const program = buildProgram(version, [
  buildControllerCommand(async (flags) => (await import('./controller.ts')).runControllerProcess(flags, version)),
  // For the help alone: kinglet.ts starts it from sidecar.ts.
  buildProxyCommand(async () => void (await import('./sidecar.ts'))),
  buildWebhookCommand(async (flags) => (await import('./webhook.ts')).runWebhook(flags)),
  buildExplainCommand(async (canary, options) => (await import('./explain.ts')).runExplain(canary, options)),
  buildSandboxCommand(async (options) => (await import('./sandbox.ts')).runSandbox(options)),
  buildDemoCommand(async (options) => (await import('./demo.ts')).runDemo(options)),
])
await runProgram(program, process.argv, process.versions.node)
