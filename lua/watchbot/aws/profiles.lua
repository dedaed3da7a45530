--- profiles: the shared config and credentials files, from text to tables. Sits on read_file.
-- The rules are those of AWS's SDKs (Shared Configuration and Credentials File specification), not
-- those of an ordinary ini file: whitespace decides line by line whether it is a comment, a
-- continuation or a sub-property. Errors in a file have file and line, and never quote the line,
-- because it may contain a secret.

local read_file = require "watchbot.aws.read_file"

local profiles = {}

---@alias watchbot.aws.Section table<string, string> names in small letters; a value with
--- sub-properties starts with "\n"

---@class watchbot.aws.Files
---@field profiles table<string, watchbot.aws.Section>
---@field sso_sessions table<string, watchbot.aws.Section>
---@field services table<string, watchbot.aws.Section>
---@field looked string[] each file and its state, for errors
---@field ignored table<string, string> titles of sections that cannot name a profile, with file and
--- line

local function trim(text)
  local first = text:find "%S"
  return first and text:match("^.*%S", first) or ""
end

-- After a section's brackets a comment needs no space before it, in a value it does.
local function without_comment(line, pattern)
  local at = line:find(pattern)
  return trim(at and line:sub(1, at - 1) or line)
end

--- The current section and property, to which a continuation would belong.
local Reader = {}
Reader.__index = Reader

function Reader:fail(why)
  return nil, ("%s:%d: %s"):format(self.file, self.line, why), "BadProfile"
end

function Reader:section(line)
  local title = without_comment(line, "[#;]"):match "^%[(.*)%]$"
  if not title then return self:fail "profile definition must end with ']'" end
  self.properties, self.property = {}, nil
  self.sections[#self.sections + 1] = {
    title = trim(title), properties = self.properties,
    place = ("%s:%d"):format(self.file, self.line),
  }
  return true
end

function Reader:define(line)
  if not self.properties then return self:fail "expected a profile definition" end
  local name, value = without_comment(line, "%s[#;]"):match "^([^=]*)=(.*)$"
  if not name then return self:fail "expected an '=' sign defining a property" end
  name = trim(name):lower()
  if name == "" then return self:fail "property did not have a name" end
  self.property = name
  self.properties[name] = trim(value)
  return true
end

-- A property that is empty on its own line has sub-properties on the next lines, which are checked
-- like properties.
function Reader:continue(line)
  if not self.properties then
    return self:fail "expected a profile definition, found continuation"
  end
  if not self.property then
    return self:fail "expected a property definition, found continuation"
  end
  local text, value = trim(line), self.properties[self.property]
  if value == "" or value:sub(1, 1) == "\n" then
    local name = text:match "^([^=]*)="
    if not name then return self:fail "expected an '=' sign defining a sub-property" end
    if trim(name) == "" then return self:fail "sub-property did not have a name" end
  end
  self.properties[self.property] = value .. "\n" .. text
  return true
end

function Reader:read(line)
  if not line:find "%S" or line:find "^%s*[#;]" then return true end
  if line:find "^%[" then return self:section(line) end
  if line:find "^%s" then return self:continue(line) end
  return self:define(line)
end

--- The sections of a file in order, with unchecked names.
local function scan(text, file)
  local reader = setmetatable({ file = file, line = 0, sections = {} }, Reader)
  for line in (text:gsub("^\u{FEFF}", "") .. "\n"):gmatch "(.-)\r?\n" do
    reader.line = reader.line + 1
    local ok, err, code = reader:read(line)
    if not ok then return nil, err, code end
  end
  return reader.sections
end

-- A name with a space is in quotes, as the AWS CLI writes it.
local function name_of(text)
  return text:match '^"([^"%c]+)"$' or text:match "^'([^'%c]+)'$" or text:match "^[%w%-_/.%%@:+]+$"
end

-- Names that no SDK accepts are left out; `ignored` has their position, for the error about a
-- profile.
local function merge(files, kind, text, section)
  local name, into = name_of(text), files[kind]
  if not name then
    files.ignored[text] = section.place
    return
  end
  into[name] = into[name] or {}
  for key, value in pairs(section.properties) do
    if key:find "^[%w%-_/.%%@:+]+$" then into[name][key] = value end
  end
end

local KINDS = { profile = "profiles", ["sso-session"] = "sso_sessions", services = "services" }

-- `[default]` is used only if there is no `[profile default]`.
local function take_config(files, sections)
  local prefixed = false
  for _, section in ipairs(sections) do
    local kind, name = section.title:match "^(%S+)%s+(.*)$"
    if KINDS[kind] then merge(files, KINDS[kind], name, section) end
    prefixed = prefixed or kind == "profile" and name == "default"
  end
  for _, section in ipairs(sections) do
    if section.title == "default" and not prefixed then
      merge(files, "profiles", "default", section)
    end
  end
end

local function take_credentials(files, sections)
  for _, section in ipairs(sections) do merge(files, "profiles", section.title, section) end
end

--- Parses both files; the credentials file takes precedence.
---@param config string? text of the config file
---@param credentials string? text of the credentials file
---@param names { config: string, credentials: string }? what to call them in messages
---@return watchbot.aws.Files? files
---@return string? err with file and line
---@return string? code "BadProfile"
function profiles.parse(config, credentials, names)
  names = names or { config = "config", credentials = "credentials" }
  local files = { profiles = {}, sso_sessions = {}, services = {}, looked = {}, ignored = {} }
  local sections, err, code = scan(config or "", names.config)
  if not sections then return nil, err, code end
  take_config(files, sections)
  sections, err, code = scan(credentials or "", names.credentials)
  if not sections then return nil, err, code end
  take_credentials(files, sections)
  return files
end

local function home_folder(getenv, windows)
  local home = getenv "HOME"
  if home or not windows then return home end
  if getenv "USERPROFILE" then return getenv "USERPROFILE" end
  return getenv "HOMEDRIVE" and getenv "HOMEPATH" and getenv "HOMEDRIVE" .. getenv "HOMEPATH"
end

--- The folder of the shared files, where AWS's tools keep what they cache.
---@param getenv fun(name: string): string?
---@return string? path nil without a home folder
function profiles.folder(getenv)
  local home = home_folder(getenv)
  return home and home .. "/.aws"
end

--- The paths of the files, from `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE` and the home
--- folder.
---@param getenv fun(name: string): string?
---@param platform "linux"|"windows"|nil
---@return string? config nil without a home folder
---@return string? credentials
function profiles.locations(getenv, platform)
  local windows = platform == "windows"
  local slash = windows and "\\" or "/"
  local home = home_folder(getenv, windows)
  local function place(variable, name)
    local given = getenv(variable)
    if given then
      return home and given:gsub("^~(/)", function(rest) return home .. rest end) or given
    end
    return home and table.concat({ home, ".aws", name }, slash)
  end
  return place("AWS_CONFIG_FILE", "config"), place("AWS_SHARED_CREDENTIALS_FILE", "credentials")
end

-- A file that does not exist or cannot be read (a home folder of another user) counts as empty:
-- errors mention it.
local function read(path)
  if not path then return nil, "HOME is not set" end
  local text, why = read_file(path)
  return text, text and path or ("%s (%s)"):format(path, why)
end

--- Reads and parses the files of this environment.
---@param getenv fun(name: string): string?
---@return watchbot.aws.Files? files
---@return string? err with file and line
---@return string? code "BadProfile"
function profiles.read(getenv)
  local config_path, credentials_path = profiles.locations(getenv)
  local config, config_found = read(config_path)
  local credentials, credentials_found = read(credentials_path)
  local files, err, code = profiles.parse(config, credentials, {
    config = config_path, credentials = credentials_path,
  })
  if not files then return nil, err, code end
  files.looked = { config_found, credentials_found }
  return files
end

--- Why a requested profile was not found.
---@param files watchbot.aws.Files
---@param name string
---@return string
function profiles.missing(files, name)
  local place = files.ignored[name]
  if place then
    return ("the profile '%s' is ignored: quote its name, as in [profile \"%s\"], in %s"):format(
      name, name, place)
  end
  return ("the profile '%s' is not in %s nor in %s"):format(name, files.looked[1], files.looked[2])
end

--- The sub-properties of a value: "\nendpoint_url = x" gives { endpoint_url = "x" }.
---@param value string?
---@return table<string, string>
function profiles.nested(value)
  local properties = {}
  for name, text in (value or ""):gmatch "\n([^=\n]*)=([^\n]*)" do
    properties[trim(name):lower()] = trim(text)
  end
  return properties
end

return profiles
