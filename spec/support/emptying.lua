-- A policy file that does its work while it is loaded: empties $FOLDER as the program would, and
-- prints what has become of it. For specs that need the emptying in another process: with other
-- rights, or in a mount namespace of its own.

local empty = require "watchbot.core".empty

local handle, err, code = empty.open(os.getenv "FOLDER")
if handle then
  while handle:step(0.001) do require "watchbot.scheduler".sleep(0) end
  print(table.concat({ "report", table.unpack({ handle:report() }) }, "|"))
else
  print(table.concat({ "failed", err, code }, "|"))
end

return require "watchbot".policy { queue = "sqlite:none", command = "true" }
