-- A policy file that works while it is loaded: empties $FOLDER like the program, and prints the
-- result. For specs that need this in another process: with other permissions, or in a separate
-- mount namespace.

local empty = require "watchbot.core".empty

local handle, err, code = empty.open(os.getenv "FOLDER")
if handle then
  while handle:step(0.001) do require "watchbot.scheduler".sleep(0) end
  print(table.concat({ "report", table.unpack({ handle:report() }) }, "|"))
else
  print(table.concat({ "failed", err, code }, "|"))
end

return require "watchbot".policy { queue = "sqlite:none", command = "true" }
