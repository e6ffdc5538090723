# Constraints for an environment that has packages already: awk -F== -f missing_pins.awk PRESENT PINS
# prints PRESENT (pip freeze), so that it stays as it is, and those PINS whose packages are not there.
function key(name) { name = tolower(name); sub(/ @ .*/, "", name); gsub(/[-_.]+/, "-", name); return name }
NR == FNR { have[key($1)] = 1; if (/==/) print; next }
/==/ && !(key($1) in have)
