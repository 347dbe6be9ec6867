// Copies what stands in a field; where the clipboard is locked, it is selected, ready for the keyboard.

export function copies(button, say) {
  const field = document.getElementById(button.dataset.copies);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      say(`${button.textContent.replace('Copy the', 'The')} is in the clipboard.`);
    } catch {
      field.focus();
      field.select();
      say('The browser does not let this page use the clipboard. The text is selected: press Ctrl+C, or ⌘C on a Mac.');
    }
  });
}
