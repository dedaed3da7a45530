--- cli.machine.listen: the check of `watchbot check` on the address at which a watcher would
-- listen: it is taken for a moment, and given back.

local address = require "watchbot.lib.address"
local endpoint = require "watchbot.metrics.endpoint"

-- What to do about a failure, by its code.
local FIX = {
  EADDRINUSE = ": a watcher that runs with this policy, or another program, has it; choose another "
    .. "port, or 0 for a free one",
  EADDRNOTAVAIL = ": no interface of this machine has this address; 0.0.0.0 is all of them",
  EACCES = ": ports below 1024 are for root; choose another one",
}

--- Adds what is found.
---@param add fun(what: string, level: "ok"|"failure", message: string)
---@param listen string? the policy's field
return function(add, listen)
  if not listen then return end
  local opened, err, code = endpoint.open(listen)
  if not opened then return add("listen", "failure", err .. (FIX[code] or "")) end
  opened:close()
  local options = address.parse(listen)
  add("listen", "ok", ("'%s' is free"):format(address.text(options.path or options.address,
    options.port)))
end
