std = "lua54"
self = false
max_line_length = 128
files["spec/**/*_spec.lua"] = { std = "+busted" }
files["doc/examples/**/*_spec.lua"] = { std = "+busted" }
files["spec/queue/contract.lua"] = { std = "+busted" }
files["lua/watchbot/policy/load.lua"] = { globals = { "package", "coroutine" } }
files["lua/watchbot/policy/init.lua"] = { ignore = { "212" } } -- the default hooks show what they are given
files["lua/watchbot/meta/policy.lua"] = { ignore = { "212", "241" } } -- nothing but declarations
