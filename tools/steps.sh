# shellcheck shell=bash
# Sourced by the scripts people run: named steps, each with its time, and one clear line where a
# step fails.
#
#     step "Build"        ends the step before it and begins this one
#     done_steps          ends the last one

steps_name=""
steps_begun=0

steps_close() {
  if [[ -n $steps_name ]]; then
    printf -- '-- %s: %d s\n' "$steps_name" $((SECONDS - steps_begun))
    steps_name=""
  fi
}

step() {
  steps_close
  steps_name=$1
  steps_begun=$SECONDS
  printf -- '\n== %s\n' "$steps_name"
}

done_steps() { steps_close; }

steps_report_failure() {
  local status=$?
  if ((status != 0)) && [[ -n $steps_name ]]; then
    printf '\n%s: step "%s" failed after %d s (exit status %d)\n' \
      "${0##*/}" "$steps_name" $((SECONDS - steps_begun)) "$status" >&2
  fi
}
trap steps_report_failure EXIT
