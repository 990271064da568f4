"""What the page does for a control that ipywidgets has no setting for."""

import base64
import html

from helpers.scenes.marks import MEMORY

# Run once the picture has loaded. JupyterLab takes arrows and letters pressed on a list for its own
# (x cuts the cell): not here. The handle of a slider has no name, and that of a `SelectionSlider`
# tells the number of its position: it takes the name and the value that stand beside it, and so
# does the field to type the value in.
_MAKE_ACCESSIBLE = """
(function prepare(image, tries) {
    const control = image.closest('.series-control');
    const inputs = control?.querySelectorAll('select, .noUi-handle') ?? [];
    if (inputs.length < INPUTS) {  // not all of them are drawn yet
        if (tries) setTimeout(prepare, 100, image, tries - 1);
        return;
    }
    for (const input of inputs) input.setAttribute('data-lm-suppress-shortcuts', '');
    for (const slider of control.querySelectorAll('.widget-slider')) {
        const [name, bar, handle, readout] =
            ['.widget-label', '.slider', '.noUi-handle', '.widget-readout']
                .map(kind => slider.querySelector(kind));
        const say = () => {
            handle.ariaValueText = readout.textContent;
            handle.ariaDisabled = bar.hasAttribute('disabled');
        };
        const changes = new MutationObserver(say);
        changes.observe(readout, {childList: true});
        changes.observe(bar, {attributeFilter: ['disabled']});
        readout.setAttribute('role', 'textbox');
        readout.ariaLabel = handle.ariaLabel = name.textContent;
        say();
    }
})(this, 100)
"""


# ipywidgets marks the focus by a tint or a border of one pixel, and forbids lists an outline. It
# cuts what a slider says where there is no room.
_STYLE = f"""
.series-control :is([role=slider], [role=textbox], select, textarea, button):focus-visible
{{ outline: 3px solid {MEMORY} !important; outline-offset: 2px; }}
.series-control .widget-hslider {{ height: auto; min-height: 28px; }}
.series-control .widget-readout {{ white-space: normal; height: auto; line-height: 1.3; }}
"""


def background(png, inputs):
    """What stands still, for the eye only: the SVG over it carries the words."""
    return (
        f"<style>{_STYLE}</style>"
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}" '
        f'style="display:block;width:100%" '
        f'onload="{html.escape(_MAKE_ACCESSIBLE.replace("INPUTS", str(inputs)))}">'
    )
