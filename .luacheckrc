std = "lua54"
self = false
max_line_length = 128
files["spec/**/*_spec.lua"] = { std = "+busted" }
files["doc/examples/**/*_spec.lua"] = { std = "+busted" }
files["spec/queue/contract.lua"] = { std = "+busted" }
files["lua/watchbot/policy/load.lua"] = { globals = { "package", "coroutine" } }
-- The default hooks show their arguments.
files["lua/watchbot/policy/init.lua"] = { ignore = { "212" } }
-- Only declarations.
files["lua/watchbot/meta/policy.lua"] = { ignore = { "212", "241" } }
