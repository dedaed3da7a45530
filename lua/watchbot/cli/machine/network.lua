--- cli.machine.network: the checks of `watchbot check` on the certificates and the proxy of
-- requests to AWS.

local core = require "watchbot.core".file
local urls = require "watchbot.lib.urls"

local function add(findings, what, level, message)
  findings[#findings + 1] = { what = what, level = level, message = message }
end

local BUNDLES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}

-- => the path of the trusted certificates, and the setting it comes from
local function bundle_of(settings)
  local named, where
  if settings then named, where = settings:setting "ca_bundle" end
  if not named then named, where = os.getenv "AWS_CA_BUNDLE", "AWS_CA_BUNDLE" end
  if not named or named == "" then named, where = os.getenv "SSL_CERT_FILE", "SSL_CERT_FILE" end
  if named and named ~= "" then return named, where end
  for _, path in ipairs(BUNDLES) do
    if core.status(path) then return path end
  end
end

local function has_certificate(path)
  local file <close> = io.open(path, "rb")
  local text = file and file:read(1 << 20)
  return text and text:find("BEGIN CERTIFICATE", 1, true) or text
    and text:find("BEGIN TRUSTED CERTIFICATE", 1, true)
end

local function check_bundle(findings, settings)
  local path, where = bundle_of(settings)
  local problem
  if not path then
    problem = "no CA certificates: install ca-certificates, or set AWS_CA_BUNDLE"
  elseif not io.open(path, "rb") then
    problem = ("'%s'%s cannot be read: correct the path"):format(path,
      where and (" (%s)"):format(where) or "")
  elseif not has_certificate(path) then
    problem = ("'%s' holds no certificate in PEM form"):format(path)
  end
  add(findings, "CA bundle", problem and "failure" or "ok", problem or path)
end

-- The address without the user name and password that it may contain.
local function check_proxy(findings)
  for _, name in ipairs { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY",
    "all_proxy" } do
    local value = os.getenv(name)
    if value and value ~= "" then
      add(findings, "proxy", "ok", ("%s=%s"):format(name, urls.without_user(value)))
    end
  end
end

---@param findings watchbot.Finding[]
---@param settings watchbot.aws.Config? the settings of the AWS client; nil if it could not read
--- them
return function(findings, settings)
  check_bundle(findings, settings)
  check_proxy(findings)
end
