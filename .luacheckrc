std = "lua54"
max_line_length = 128
files["spec/**/*_spec.lua"] = { std = "+busted" }
files["spec/queue/contract.lua"] = { std = "+busted" }
files["lua/watchbot/load.lua"] = { globals = { "package" } }
