--- Two files of any bytes (a NUL between them) are profiles, or an error with a file and a line;
--- each profile has a plan, or an error.

local place = require "watchbot.aws.place"
local plan = require "watchbot.aws.provider.plan"
local profiles = require "watchbot.aws.profiles"

local function check_sections(sections)
  for name, section in pairs(sections) do
    assert(type(name) == "string" and not name:find "%c")
    for key, value in pairs(section) do
      assert(type(key) == "string" and key == key:lower() and type(value) == "string")
      profiles.nested(value)
      place.named(value)
    end
  end
end

return function(bytes)
  local config, credentials = bytes:match "^(%Z*)%z?(.*)$"
  local files, err, code = profiles.parse(config, credentials)
  if not files then
    assert(err:find "^%w+:%d+: [%w '=,%]-]+$" and code == "BadProfile", err)
    return
  end
  check_sections(files.profiles)
  check_sections(files.sso_sessions)
  check_sections(files.services)
  files.looked = { "a", "b" }
  for name in pairs(files.profiles) do
    local steps, why = plan.of(files, name)
    assert(steps and #steps > 0 or type(why) == "string")
  end
  for name in pairs(files.ignored) do assert(profiles.missing(files, name)) end
end
